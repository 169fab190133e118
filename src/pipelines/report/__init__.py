"""Reports: what the other pipelines left on disk, as HTML pages for people."""
