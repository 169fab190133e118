"""``kedro fleet ui``: one read-only local page of the fleet, and one a client.

``overview`` and ``detail`` gather what the pages say, ``pages`` writes them as HTML, ``server`` hands them out on
loopback. Nothing here changes anything, and no page holds a script.
"""
