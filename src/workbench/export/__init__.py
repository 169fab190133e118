"""What this house does, in the words of other schedulers: the fleet's plan, and its schedules.

``fleet`` writes runs, ``schedules`` writes slots; ``options`` says where they will run, and ``kubernetes`` and
``python_file`` hold what both have in common. Nothing that is written holds a secret.
"""
