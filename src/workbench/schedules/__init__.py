"""Reports by the clock: slots of cron expressions, each made and delivered once, whatever happens in between."""
