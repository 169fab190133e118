"""The champion, or a version of the client's model, to where it is served; what ``kedro deploy`` does, as nodes."""
