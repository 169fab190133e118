# The workbench in a container, never root. `make image` builds it with whichever engine is there; by hand:
#   docker build -t smithright-workbench:0.1.0 .
#   docker run --rm --read-only --tmpfs /tmp --tmpfs /home/workbench -v workbench-data:/app/data \
#     -v workbench-models:/app/models -v workbench-store:/app/.mlflow -v workbench-ledger:/app/.workbench \
#     smithright-workbench:0.1.0 run --env clients/clinic
# Volumes get their owner from the image; with folders of this machine instead, add --user "$(id -u):$(id -g)".
# Where packages come from is pip's own configuration; hand it over by --secret id=pipconf,src=pip.conf.

FROM python:3.11-slim-bookworm AS requirements
COPY pyproject.toml ./
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" \
    > /requirements.txt

FROM python:3.11-slim-bookworm AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /venv
WORKDIR /build
COPY constraints.txt ./
# PyPI's torch for Linux carries CUDA; PyTorch's own index has one that does not. It is asked for torch alone, beside
# pip's own, and what it gives counts as newer. Empty, pip's own index decides: PyPI's with CUDA, or a wheel of yours.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN --mount=type=secret,id=pipconf,target=/etc/pip.conf \
    /venv/bin/pip install --no-deps -c constraints.txt ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} torch \
    && case "$TORCH_INDEX" in */cpu) ! grep '^Requires-Dist: nvidia' /venv/lib/python3.11/site-packages/torch-*/METADATA \
        || { echo "This torch carries CUDA, and TORCH_INDEX asks for none; empty it to take it all the same"; exit 1; } \
    ;; esac
# Here the project is not there yet: what it needs is installed again when that changes, and not with each line of code.
COPY --from=requirements /requirements.txt ./
RUN --mount=type=secret,id=pipconf,target=/etc/pip.conf \
    /venv/bin/pip install -c constraints.txt -r requirements.txt

FROM packages AS project
WORKDIR /app
COPY .gitignore .telemetry LICENSE Makefile README.md constraints.txt dvc.yaml environment.yml pyproject.toml ./
COPY conf conf
COPY notebooks notebooks
COPY src src
# Only a pointer to /app/src is installed, so the code is there once. It is compiled here: who runs it cannot write there.
# Files that were private where this was built are readable.
RUN /venv/bin/pip install --no-deps --no-index --no-build-isolation --prefix /project --editable . \
    && rm -rf src/*.egg-info \
    && /venv/bin/python -m compileall -q src \
    && chmod -R u=rwX,go=rX . \
    && install -d -o 10001 -g 10001 data models .mlflow .workbench

FROM python:3.11-slim-bookworm AS runtime
# The home may be anyone's, for --user.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home workbench \
    && chmod 1777 /home/workbench
COPY --from=packages /venv /venv
COPY --from=project /project /venv
COPY --from=project /app /app
WORKDIR /app
# What a run is said to have been made by: there is no repository here to ask.
ARG REVISION=
# Without a command that has it, podman 4 and its buildah take the two below from their cache, with the value of last time.
RUN : "$REVISION"
LABEL org.opencontainers.image.revision=$REVISION
# A number, which Kubernetes' runAsNonRoot can judge.
USER 10001
# A user of --user has no name, and MLflow looks for git: both would be warned of in every run.
ENV PATH=/venv/bin:$PATH HOME=/home/workbench USER=workbench PYTHONUNBUFFERED=1 OMP_WAIT_POLICY=PASSIVE \
    DO_NOT_TRACK=1 MLFLOW_DISABLE_TELEMETRY=true GIT_PYTHON_REFRESH=quiet WORKBENCH_REVISION=$REVISION
# Also below another init, that of `--init`, it takes in what it is left.
ENTRYPOINT ["tini", "-s", "--", "kedro"]
CMD ["--help"]
