"""What measures: engines driven by one loop over real schemas, each in a process of its own.

cases     the file of schemas and instances
outcomes  what engines are asked and what they did
engines   structgen and its peers behind one interface
worker    the process of one engine; process  starts, asks and kills it
masks     which engine is asked what, in which order
record    what a run has brought so far, in a file
summary   verdict counts, percentiles, ratios; tables, plots  show them
machine   what stands above every table
suite     the official JSON Schema Test Suite, and what verdicts on it are called
"""
