"""The exchange's values in the words of the TWS API, and a client's words as the exchange's values.

Pure functions: values come in, fields of messages go out, or the other way round. Nothing here
sends, decides or remembers.
"""
