"""A QuestionnaireResponse laid over its form: what is wrong with each part."""
