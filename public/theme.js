// The stored theme, put on the document before the first paint. A classic script, so that the paint waits for it.
try {
  const theme = localStorage.getItem('theme');
  if (theme === 'light' || theme === 'dark') {
    document.documentElement.dataset.theme = theme;
  }
} catch {
  // Where storage is forbidden the system's theme holds.
}
