//! The page's entrance in the browser: hydrate the server's HTML or mount on the shell.
