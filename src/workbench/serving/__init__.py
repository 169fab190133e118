"""A model behind HTTP: what Vertex AI, Databricks, Kubernetes and a laptop all run.

::

    __main__.py, options.py   what a container is started with: flags, and the variables of Vertex AI
    artifact.py               a model's folder from a path or gs://, its digest checked, loaded
    contract.py               the columns of a model, as a request has to hold them
    forms/                    the three forms of a request and of its answer
    swift.py, rows.py         a model that reads rows from Python lists, with the same results
    batching.py, costs.py     the model takes what waits when it is free
    versions.py, traffic.py   several versions at once, by a split; swapped as one
    watch.py                  the file that says which
    app.py, routes.py         requests in, answers out
    auth/                     bearer tokens
    connections.py            slow clients are cut off
    server.py, sockets.py     the process, and a stop that loses nothing
    workers.py, seats.py      several processes behind one address; board.py: what they tell each other
    metrics.py, tracing.py    what operators see; prediction_log.py: what `monitor` reads
    openapi.py                the document of a model's own columns
    following.py              a server of a client's champion, for `kedro serve`

Nothing here knows Kedro or MLflow: the container holds neither.
"""
