# One image for every process of the site; compose.yaml says which one a container runs.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
COPY . .
RUN pip install --constraint requirements.lock --editable ".[redis]" \
    && useradd --create-home smarter \
    && install --directory --owner smarter --group smarter --mode 0700 /data

USER smarter
ENV SMARTER_DATA=/data NUMBA_CACHE_DIR=/data/code
VOLUME /data
EXPOSE 8000
CMD ["python", "manage.py", "serve", "--host", "0.0.0.0"]
