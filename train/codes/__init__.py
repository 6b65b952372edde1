"""Photos as codes: an encoder onto a generator's styles, and designs spread as photos are."""
