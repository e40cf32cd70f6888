"""Pure decisions. Time is always an argument; nothing here opens, waits, sleeps or logs."""
