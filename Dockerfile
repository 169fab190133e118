# syntax=docker/dockerfile:1
# The workbench in a container: CPU by default, CUDA by build argument; never root.
#   docker build -t workbench .
#   docker build -t workbench:cuda --build-arg VARIANT=cuda .
#   docker run --rm -v "$PWD/data:/app/data" -v "$PWD/models:/app/models" -v workbench-store:/app/.mlflow workbench \
#     run --env clients/clinic
# Where the packages come from is pip's own configuration; mount it: --secret id=pipconf,src=pip.conf

ARG VARIANT=cpu

FROM python:3.11-slim-bookworm AS build-base
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /venv
WORKDIR /app
COPY pyproject.toml constraints.txt README.md ./

# The PyPI wheel of torch for Linux carries CUDA. For the CPU build, point pip at PyTorch's CPU index or at a wheel of
# your own in the mounted pip.conf; the version is the same, so nothing else changes.
FROM build-base AS build-cuda
RUN --mount=type=secret,id=pipconf,target=/etc/pip.conf \
    /venv/bin/pip install -c constraints.txt torch

FROM build-base AS build-cpu
# Without a CPU wheel at hand this installs the CUDA build too: it runs on a CPU, and is only larger.
RUN --mount=type=secret,id=pipconf,target=/etc/pip.conf \
    /venv/bin/pip install -c constraints.txt torch

FROM build-${VARIANT} AS build
COPY src src
RUN --mount=type=secret,id=pipconf,target=/etc/pip.conf \
    /venv/bin/pip install -c constraints.txt .

FROM python:3.11-slim-bookworm AS runtime
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 workbench
COPY --from=build /venv /venv
WORKDIR /app
COPY --chown=workbench:workbench . .
RUN install -d -o workbench -g workbench data models .mlflow .workbench
USER workbench
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 DO_NOT_TRACK=1 MLFLOW_DISABLE_TELEMETRY=true
ENTRYPOINT ["tini", "--", "kedro"]
CMD ["--help"]
