"""The subset of CEL: the overloads that both cel-cpp and the API server's admission policies offer.

An overload that is not here is refused when a rule loads. Left out although one side has them: `cel.bind`, `math.*`,
`base64.*`, string `reverse`, `strings.quote`, list `first`, `flatten`, `reverse`, `slice`, two-variable macros.
Names are those of the CEL checker (cel-go and cel-cpp, standard library and the strings and optional extensions).
"""

from __future__ import annotations

from collections.abc import Mapping

_ORDERED = ("int64", "uint64", "double", "bool", "string", "bytes", "duration", "timestamp")
_CONVERSIONS = {
    "int64": ("int64", "uint64", "double", "string", "timestamp", "duration"),
    "uint64": ("uint64", "int64", "double", "string"),
    "double": ("double", "int64", "uint64", "string"),
    "string": ("string", "bytes", "bool", "double", "int64", "uint64", "timestamp", "duration"),
    "bytes": ("bytes", "string"),
    "bool": ("bool", "string"),
    "timestamp": ("timestamp", "string", "int64"),
    "duration": ("duration", "string", "int64"),
}
_PARTS = ("year", "month", "day_of_month", "day_of_month_1_based", "day_of_week", "day_of_year")
_CLOCK = ("hours", "minutes", "seconds", "milliseconds")
_OPERATORS = """
logical_or logical_and logical_not not_strictly_false conditional equals not_equals in_list in_map
index_list index_map optional_list_index_int optional_map_index_value type to_dyn
add_int64 add_uint64 add_double add_string add_bytes add_list
add_duration_duration add_duration_timestamp add_timestamp_duration
subtract_int64 subtract_uint64 subtract_double
subtract_duration_duration subtract_timestamp_duration subtract_timestamp_timestamp
multiply_int64 multiply_uint64 multiply_double divide_int64 divide_uint64 divide_double modulo_int64 modulo_uint64
negate_int64 negate_double list_size map_size bytes_size string_size size_list size_map size_bytes size_string
starts_with_string ends_with_string contains_string matches matches_string
"""
_OPTIONALS = """
select_optional_field optional_list_optindex_optional_int list_optindex_optional_int map_optindex_optional_value
optional_map_optindex_optional_value optional_of optional_none optional_ofNonZeroValue optional_orValue_value
optional_hasValue optional_value optional_or_optional
"""
_STRINGS = """
string_char_at_int string_index_of_string string_index_of_string_int string_last_index_of_string
string_last_index_of_string_int string_lower_ascii string_upper_ascii string_replace_string_string
string_replace_string_string_int string_split_string string_split_string_int string_substring_int
string_substring_int_int string_trim string_format list_join list_join_string
"""
# overload -> the lowest Kubernetes minor version whose ValidatingAdmissionPolicy (v1, so 30) takes it
SUBSET: Mapping[str, int] = dict.fromkeys(
    [
        *_OPERATORS.split(),
        *_OPTIONALS.split(),
        *_STRINGS.split(),
        *(f"{order}_{kind}" for order in ("less", "greater") for kind in _ORDERED),
        *(f"{order}_equals_{kind}" for order in ("less", "greater") for kind in _ORDERED),
        *(f"{source}_to_{target}" for target, sources in _CONVERSIONS.items() for source in sources),
        *(f"timestamp_to_{part}{zone}" for part in (*_PARTS, *_CLOCK) for zone in ("", "_with_tz")),
        *(f"duration_to_{part}" for part in _CLOCK),
    ],
    30,
)
