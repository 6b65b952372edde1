"""The page: one file per tab, the theme, the API, and ``page/`` for what runs in the browser."""
