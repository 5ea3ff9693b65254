"""What ``ragline eval`` does with a server: documents there, questions asked, results shown."""
