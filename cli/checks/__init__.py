"""What ``ragline doctor`` looks at; nothing here changes anything."""
