"""What callers send and expect: each contract turns a request into arrays, and arrays into a response."""
