"""kaga-edge: the sensor gateway of a flood, snow and traffic station.

The path of a reading, and where each step lives:

    core.schedule     which sensors are due (aligned to the wall clock, no drift)
    sensors.*         one file per model: a dialogue of requests, and a decoder
    buses             carry the dialogue over I2C, serial, Modbus or GPIO; one worker thread a bus
    core.siting       distance or pressure -> level or depth at this site
    core.grading      quality flags; nothing is ever deleted
    core.alarms       raised at a threshold, cleared with hysteresis, without any network
    store             SQLite: committed here, it exists
    core.delivery     what is sent next, and what an answer means
    uplink, link      MQTT 5 to the city's platform
    station           control socket, status page, set-up, systemd, journal: what people on site touch

``core``, ``sensors`` and ``vocabulary`` decide and never do: they open nothing, wait for nothing and
take the time as an argument. ``gateway`` wires them to the parts that do, as ``config`` says. ``contract``
is what goes over the wire, ``text`` every word people read, ``cli`` the commands. ``receiver`` is the
platform's side; ``sim`` is a whole site on simulated wires.
"""

__version__ = "0.1.0"
