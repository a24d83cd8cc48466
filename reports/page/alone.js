// A page without runs: its tables are all there is to start. They made it longer, so the address is followed again.
document.getElementById(readAddress()[0])?.scrollIntoView();
document.documentElement.dataset.ready = "yes";
