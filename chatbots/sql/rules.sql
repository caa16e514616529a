-- What the database itself refuses: rows that join two organisations, versions that change.
-- What belongs to a chatbot goes with it, also under a running answer.

ALTER TABLE chatbots_chatbot
  ADD CONSTRAINT chatbot_live FOREIGN KEY (id, live_id)
    REFERENCES chatbots_version (chatbot_id, id) DEFERRABLE INITIALLY DEFERRED,
  ADD CONSTRAINT chatbot_key FOREIGN KEY (organisation_id, publishable_key_id)
    REFERENCES accounts_apikey (organisation_id, id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE chatbots_version
  ADD CONSTRAINT version_chatbot FOREIGN KEY (organisation_id, chatbot_id)
    REFERENCES chatbots_chatbot (organisation_id, id)
    ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE chatbots_visitor
  ADD CONSTRAINT visitor_chatbot FOREIGN KEY (organisation_id, chatbot_id)
    REFERENCES chatbots_chatbot (organisation_id, id)
    ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE chatbots_seen
  ADD CONSTRAINT seen_chatbot FOREIGN KEY (organisation_id, chatbot_id)
    REFERENCES chatbots_chatbot (organisation_id, id)
    ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE chatbots_conversation
  ADD CONSTRAINT chat_chatbot FOREIGN KEY (organisation_id, chatbot_id)
    REFERENCES chatbots_chatbot (organisation_id, id)
    ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
  ADD CONSTRAINT chat_visitor FOREIGN KEY (chatbot_id, visitor_id)
    REFERENCES chatbots_visitor (chatbot_id, id)
    ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE chatbots_message
  ADD CONSTRAINT message_chat FOREIGN KEY (organisation_id, conversation_id)
    REFERENCES chatbots_conversation (organisation_id, id)
    ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;

CREATE FUNCTION chatbots_version_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT FROM chatbots_chatbot WHERE id = OLD.chatbot_id) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'versions are never changed; publish a new one' USING ERRCODE = 'SC001';
END $$;

CREATE TRIGGER versions_are_final BEFORE UPDATE OR DELETE ON chatbots_version
  FOR EACH ROW EXECUTE FUNCTION chatbots_version_is_final();
