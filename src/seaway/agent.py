"""The supervisor program of a host: what keeps an app and its releases going."""
