"""Rich authorization requests (RFC 9396): what exactly is asked for, such as an amount and a payee."""
