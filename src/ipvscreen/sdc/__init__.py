"""Questionnaire → form → answers → QuestionnaireResponse, and its score: pure functions, no I/O."""
