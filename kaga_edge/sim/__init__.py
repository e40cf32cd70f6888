"""A simulated site on the wire: for the demo, for tests, for trying a configuration at a desk.

The path: a ``World`` says what is true at a time (a built-in ``scenarios`` story or a ``replay`` of a
real series); ``chips`` and ``instruments`` turn truth into the very bytes a sensor would send; ``site``
puts them on I2C buses, ptys and GPIO lines, with fault switches; ``wire`` carries that into the daemon's
process, which runs unchanged (``python -m kaga_edge.sim.daemon``). ``broker`` is the platform's end with
a line that can be cut, ``demo`` the story told with all of it.

Nothing of this is imported by the daemon.
"""
