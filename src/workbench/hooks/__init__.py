"""What happens around a run: one Kedro hook class a concern, and the configuration loader. `settings.py` lists them."""
