"""Installing and what comes after: the machine's settings, the drop zone, a new card, updates.

Everything lies below a ``root``: ``/`` on a station, a mounted image or a test's tree elsewhere. What is
decided stands in ``core.fitting`` and ``core.updating``; here it is read and done.
"""
