"""What measures: engines driven by one loop over real schemas, each in a process of its own.

cases    the file of schemas and instances
engines  structgen and its peers behind one interface
worker   the process of one engine; masks  starts, asks and kills it
summary  verdict counts, percentiles, ratios
suite    the official JSON Schema Test Suite, and what verdicts on it are called
"""
