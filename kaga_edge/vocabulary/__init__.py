"""The words everything else is written in: quantities, readings, requests, lanes, errors.

Imports nothing but the standard library's types; every other package may import from here.
"""
