"""Findings as SARIF 2.1.0: what the standard requires of a log, and where findings lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from seaway.app.load import How, load, select
from seaway.findings import Finding, Level, Position
from seaway.revision.replacements import replacements
from seaway.targets.check import check
from seaway.targets.check.sarif import sarif

pytestmark = pytest.mark.rootless

TEXT = "version: '3'\nservices:\n  api:\n    image: x:1\n    init: true\n    privileged: true\n"
MESSAGE = {"type": "object", "properties": {"text": {"type": "string", "minLength": 1}}, "required": ["text"]}
ARTIFACT = {
    "type": "object",
    "properties": {"uri": {"type": "string", "format": "uri-reference"}, "uriBaseId": {"const": "SRCROOT"}},
    "required": ["uri"],
    "additionalProperties": False,
}
REGION = {
    "type": "object",
    "properties": {
        name: {"type": "integer", "minimum": 1} for name in ("startLine", "startColumn", "endLine", "endColumn")
    },
    "required": ["startLine"],
    "additionalProperties": False,
}
PLACE = {
    "type": "object",
    "properties": {"artifactLocation": ARTIFACT, "region": REGION},
    "required": ["artifactLocation"],
    "additionalProperties": False,
}
LOCATION = {
    "type": "object",
    "properties": {"id": {"type": "integer", "minimum": 0}, "physicalLocation": PLACE, "message": MESSAGE},
    "additionalProperties": False,
}
REPLACEMENT = {
    "type": "object",
    "properties": {"deletedRegion": REGION, "insertedContent": {"type": "object", "required": ["text"]}},
    "required": ["deletedRegion"],
    "additionalProperties": False,
}
CHANGE = {
    "type": "object",
    "properties": {
        "artifactLocation": ARTIFACT,
        "replacements": {"type": "array", "minItems": 1, "items": REPLACEMENT},
    },
    "required": ["artifactLocation", "replacements"],
    "additionalProperties": False,
}
FIX = {
    "type": "object",
    "properties": {"description": MESSAGE, "artifactChanges": {"type": "array", "minItems": 1, "items": CHANGE}},
    "required": ["artifactChanges"],
    "additionalProperties": False,
}
RESULT = {
    "type": "object",
    "properties": {
        "ruleId": {"type": "string"},
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": {"enum": ["none", "note", "warning", "error"]},
        "message": MESSAGE,
        "locations": {"type": "array", "items": LOCATION},
        "relatedLocations": {"type": "array", "items": LOCATION, "uniqueItems": True},
        "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
        "fixes": {"type": "array", "items": FIX, "uniqueItems": True},
    },
    "required": ["message"],
    "additionalProperties": False,
}
RULE = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "shortDescription": MESSAGE,
        "fullDescription": MESSAGE,
        "help": MESSAGE,
        "properties": {"type": "object"},
    },
    "required": ["id"],
    "additionalProperties": False,
}
DRIVER = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "semanticVersion": {"type": "string"},
        "rules": {"type": "array", "items": RULE, "uniqueItems": True},
    },
    "required": ["name"],
    "additionalProperties": False,
}
RUN = {
    "type": "object",
    "properties": {
        "tool": {"type": "object", "properties": {"driver": DRIVER}, "required": ["driver"]},
        "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
        "originalUriBaseIds": {"type": "object"},
        "results": {"type": "array", "items": RESULT},
    },
    "required": ["tool"],
    "additionalProperties": False,
}
LOG = {
    "type": "object",
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {"type": "array", "items": RUN},
    },
    "required": ["version", "runs"],
    "additionalProperties": False,
}


def log(tmp_path: Path, text: str = TEXT) -> dict[str, Any]:
    """The log of a compose file."""
    (tmp_path / "compose.yaml").write_text(text)
    app = load(select(tmp_path, {}), how=How(lenient=True))
    found = check(app, purpose="kubernetes")
    return sarif(found, "1.2.3", lambda finding: replacements(finding, app))


def test_a_log_has_what_the_published_schema_requires_and_nothing_it_does_not_know(tmp_path: Path) -> None:
    """The parts of the schema that the log uses, closed."""
    document = json.loads(json.dumps(log(tmp_path)))
    validator = jsonschema_rs.validator_for(LOG)
    assert [error.message for error in validator.iter_errors(document)] == []


def test_levels_rules_and_places_are_those_of_the_findings(tmp_path: Path) -> None:
    """A loss is a warning; a rule's index points to its rule."""
    run = log(tmp_path)["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    levels = {result["ruleId"]: result["level"] for result in run["results"]}
    assert (levels["SW-701"], levels["SW-601"], levels["SW-211"]) == ("error", "warning", "note")
    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in run["results"])
    place = next(result for result in run["results"] if result["ruleId"] == "SW-701")["locations"][0][
        "physicalLocation"
    ]
    assert place == {
        "artifactLocation": {"uri": "compose.yaml", "uriBaseId": "SRCROOT"},
        "region": {"startLine": 6, "startColumn": 5},
    }


def test_fixes_are_replacements_that_give_the_fixed_file(tmp_path: Path) -> None:
    """Applied to the lines they name; what a person must decide has none."""
    results = log(tmp_path)["runs"][0]["results"]
    fixes = {result["ruleId"]: result.get("fixes") for result in results}
    (change,) = fixes["SW-211"][0]["artifactChanges"]
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 5, "startColumn": 1, "endLine": 6, "endColumn": 1},
            "insertedContent": {"text": ""},
        }
    ]
    assert fixes["SW-601"] is None


def test_what_a_place_lies_over_is_related_and_odd_names_are_escaped() -> None:
    """A blank in a name, a place outside the project."""
    places = (Position("a b.yaml", 1, 2), Position("/else/c.yaml", 3, 4))
    finding = Finding("SW-701", Level.ERROR, "x", places[0], None, None, places[1:])
    result = sarif([finding], "1", lambda _: ())["runs"][0]["results"][0]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b.yaml"
    assert result["relatedLocations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "file:///else/c.yaml"}
