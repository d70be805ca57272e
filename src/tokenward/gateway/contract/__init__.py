"""The OpenAPI document as a contract: what a request must be like, compiled when the policy is loaded."""
