"""Many stations' rows in one PostgreSQL: a worker that anybody may start a second time."""
