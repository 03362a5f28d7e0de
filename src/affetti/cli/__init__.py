"""The command line: one small file a verb, which parses, calls the library and prints."""
