"""Scanning: the packages of an SBOM against advisories, where what was not compared is said and never good."""
