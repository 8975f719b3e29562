"""PostgreSQL: the connection, and one module a table family with each SQL constant beside the function that runs it."""
