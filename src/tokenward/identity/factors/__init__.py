"""What people prove themselves with: passkeys, codes of an authenticator app, recovery codes.

Values and checks only; what is kept of a factor is the store's, what a person sees is the pages'.
"""
