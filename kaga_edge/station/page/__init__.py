"""The status page: opened on site for an hour, closed by itself, served by a process of its own.

    opening.py      the daemon's side: starts, watches and ends that process (imports nothing heavy)
    __main__.py     that process: certificate, address, PIN, server, end
    certificate.py  a self-made certificate, by the openssl command
    interfaces.py   the addresses of a named network interface
    gate.py         pure: PIN tries, lock, sessions
    confined.py     that process reads no secret, writes nothing but corrections, starts nothing
    serving.py      the TLS acceptor: how many, how long, how slow
    refusing.py     the answer to what is no request
    app.py          routes; shield.py  host, origin, content policy
    feed.py         one look at the daemon every two seconds, shared by all who watch
    view.py         pure: a snapshot becomes what the page shows, in one language; wording.py, records.py
    actions.py      what may be asked with the PIN; calibrating.py  the two steps of an offset
    assets/         HTML, CSS, JS; uPlot

The process talks to the daemon over the control socket and knows nothing else of it. aiohttp is imported
there and nowhere else, so the daemon's memory stays as it is, before and after.
"""
