"""Which schema this version of the product works with."""

#: The newest revision of `migrations/`.
HEAD = "0009"
