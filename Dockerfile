# affetti on a CPU: docker build -t affetti . && docker run --rm -p 8765:8765 affetti
FROM python:3.11-slim

RUN useradd --create-home affetti
WORKDIR /home/affetti
COPY pyproject.toml constraints.txt README.md LICENSE ./source/
COPY src ./source/src
# The CPU build of torch is a tenth of the default's size.
RUN pip install --no-cache-dir --index-url https://download.pytorch.org/whl/cpu torch \
 && pip install --no-cache-dir "./source[encoders,onnx]" \
 && rm -r source

USER affetti
EXPOSE 8765
# 0.0.0.0: reachable from outside of the container, with the token that it prints.
ENTRYPOINT ["affetti"]
CMD ["serve", "--host", "0.0.0.0"]
