"""Warm kernels: Jupyter kernels that are forked from a process which has imported what notebooks need.

A cold kernel starts Python, imports ipykernel and then, cell by cell, everything that the notebook asks for: seconds.
Here a *zygote* (the word of Android and Chromium for it) has done so once, and each kernel is a fork of it: its own
process, session, working directory, environment and random state, over memory that is shared until it is written to.

::

    preload.py      what a zygote imports, and that nothing runs in it which a fork would break
    wire.py         the two messages between who wants a kernel and the zygote
    zygote.py       the process: ``python -m workbench.kernels.zygote``
    pages.py        puts what is forked into large pages
    birth.py        how a fork becomes a kernel
    application.py  ipykernel's application and kernel, without what the zygote has done once for all forks
    process.py      starts a zygote, and asks one for a kernel; what comes back behaves as a ``subprocess.Popen``
    provisioner.py  jupyter_client's extension point: the kernel provisioner ``workbench-warm``
    client.py       a client that is ready as soon as the kernel is
    spec.py, share  the kernelspecs: reports' own, and "Workbench (warm)" for JupyterLab

A zygote never sees a client: no name, path or secret of one is in its memory or environment, so none can reach a fork.
"""
