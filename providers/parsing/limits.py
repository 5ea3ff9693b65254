"""How large a parsed document may be, whoever parses it."""

#: A file of a few kilobytes can name one page a million times.
MAX_PAGES = 20_000
#: Some 25,000 pages of prose; what is larger is a dump.
MAX_CHARACTERS = 50_000_000
