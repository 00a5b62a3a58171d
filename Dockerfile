# One image for every process of Syncline. Built from requirements.lock, hashes checked, without the embedded servers
# and the development tools: the lock only constrains what pyproject.toml names as dependencies.
FROM python:3.12.13-slim-bookworm AS build
ENV UV_PYTHON_DOWNLOADS=never
WORKDIR /build
COPY requirements.lock pyproject.toml ./
RUN sed -n '/^uv==/,/^ *# via/p' requirements.lock > uv.txt \
    && pip install --no-cache-dir --require-hashes --no-deps --requirement uv.txt \
    && python -m venv --without-pip /venv
RUN uv pip install --python /venv/bin/python --compile-bytecode --require-hashes \
        --requirement pyproject.toml --constraint requirements.lock \
    && uv pip install --system --require-hashes \
        --requirement pyproject.toml --extra build --constraint requirements.lock
COPY . .
RUN uv build --wheel --no-build-isolation --out-dir dist \
    && uv pip install --python /venv/bin/python --compile-bytecode --no-deps dist/*.whl

FROM python:3.12.13-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home syncline \
    && install --directory --owner=10001 --mode=0700 /var/lib/syncline/audit
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /var/empty
USER 10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-m", "stack.probes", "http://127.0.0.1:8080/health/ready"]
CMD ["python", "-m", "gateway"]
