"""The fleet: many clients, one operating-system process each, and a ledger of every run.

``plan`` says what runs, ``runner`` runs it through ``worker`` processes, ``view`` shows it; ``body`` starts such a
process anew, ``warm`` has it forked from a ``zygote``. ``record`` is one run from lock to last line, kept in ``ledger``
whether a fleet or a person started it.
"""
