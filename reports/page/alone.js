// A page without runs: its tables are all there is to start, and they are.
document.documentElement.dataset.ready = "yes";
