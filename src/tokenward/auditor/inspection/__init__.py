"""Everything that can be told about a credential without showing it to anybody."""
