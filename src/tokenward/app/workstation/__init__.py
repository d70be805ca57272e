"""What a person's own machine, or a CI job, does with tokens: profiles, calls, commands that run with one."""
