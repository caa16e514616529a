"""Fine-tuning: an adapter is trained on an organisation's examples, and served beside its base.

`creating` writes a FineTuningJob down; `working` claims it in the worker of the queue `training`;
`trainer` is a process of its own that does the computing and knows neither Django nor money;
`TrainingRun` follows it, holds and settles; `finishing` makes a model of what came out.
"""
