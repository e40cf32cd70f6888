"""One file per sensor model: a dialogue and a decoder, no I/O. The driver's name is its file name.

There is no registry to edit: configuration names the file, and only configured drivers are imported.
The contract each file keeps is ``kaga_edge.vocabulary.drivers``; tests/test_every_sensor.py holds them to it.
"""
