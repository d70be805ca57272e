"""What an OpenAPI document leaves open: rules over a view of the document that knows no version."""
