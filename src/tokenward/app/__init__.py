"""The only place that picks parts and wires them: servers, processes, management and the command line."""
