"""What people and the machine on site touch: the clock, systemd, the journal, the control socket."""
