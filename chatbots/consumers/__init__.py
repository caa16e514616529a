"""The websocket's server end: a socket is only a pipe, what is said and answered is in Postgres."""
